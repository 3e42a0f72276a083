import type { Browser } from '../browse/browser.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Watcher } from './events/watcher.ts';
import type { Readiness } from './health/readiness.ts';
import type { LiveArchives } from './live/live-archives.ts';
import type { ApiLimits, ApiOptions, ApiProducer } from './options.ts';

/** What handlers work with. */
export interface ApiContext {
  producer: ApiProducer;
  limits: ApiLimits;
  publicUrl: string | undefined;
  metricsAccess: NonNullable<ApiOptions['metricsAccess']>;
  live: LiveArchives | undefined;
  watcher: Watcher;
  readiness: Readiness;
  metrics: Metrics;
  browser: Browser;
}
