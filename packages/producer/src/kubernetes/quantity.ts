const POWERS: Record<string, number> = {
  '': 1,
  ...Object.fromEntries(['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((unit, at) => [unit, 2 ** (10 * (at + 1))])),
  ...Object.fromEntries(['k', 'M', 'G', 'T', 'P', 'E'].map((unit, at) => [unit, 10 ** (3 * (at + 1))])),
  m: 1e-3,
};

const QUANTITY = /^([0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]{0,2})$/;

/** A size as Kubernetes writes it (`10Gi`, `1e9`), in bytes; NaN where it isn't one. Near enough to compare two. */
export function bytesOf(quantity: string): number {
  const [, digits, unit = ''] = QUANTITY.exec(quantity) ?? [];
  return Number(digits) * (POWERS[unit] ?? Number.NaN);
}
