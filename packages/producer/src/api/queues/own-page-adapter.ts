import { ExpressAdapter } from '@bull-board/express';
import type { RequestHandler } from 'express';

/** bull-board's page asks Google for its fonts. */
const FOREIGN_LINK = /<link\s[^>]*href="https?:[^>]*>/g;

/**
 * Serves bull-board's page without what it would get elsewhere. The policy forbids that in any case; but each page would
 * begin with a violation of it in the browser's console, among which a real one wouldn't be noticed.
 */
export class OwnPageAdapter extends ExpressAdapter {
  override setEntryRoute({ method, route, handler }: Parameters<ExpressAdapter['setEntryRoute']>[0]): this {
    const answer: RequestHandler = (_req, res, next) => {
      const { name, params } = handler({ basePath: this.basePath, uiConfig: this.uiConfig });
      this.app.render(name, params, (error, page) => {
        if (error) next(error);
        else res.send(page.replaceAll(FOREIGN_LINK, ''));
      });
    };
    this.app[method](route, answer);
    return this;
  }
}
