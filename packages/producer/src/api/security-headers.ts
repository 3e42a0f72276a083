import type { RequestHandler } from 'express';
import helmet from 'helmet';

/**
 * What browsers may do with the pages here. bull-board has style attributes and a style element in its page, and
 * scripts in files only; its link to Google's fonts stays unfollowed. Nothing is upgraded to https, and HSTS is
 * left to whoever speaks https for this server: it doesn't itself.
 */
export const securityHeaders: RequestHandler = helmet({
  contentSecurityPolicy: {
    directives: {
      defaultSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      frameAncestors: ["'none'"],
      upgradeInsecureRequests: null,
    },
  },
  strictTransportSecurity: false,
  xFrameOptions: { action: 'deny' },
});
