/** Where every export keeps what it needs while it runs, beside the archives of its destination. */
export const WORK_ROOT = '.longshore';

const digits = (item: number) => String(item).padStart(5, '0');

/**
 * Keys of an export's work area, relative to its destination:
 *
 *     .longshore/EXPORT/order.json          the order
 *     .longshore/EXPORT/volume.json         what the volume's root was when it was planned, created only if absent
 *     .longshore/EXPORT/catalog/00012       item 12's planned entries, created only if absent
 *     .longshore/EXPORT/items/00012/ATTEMPT the record of one attempt at packing item 12
 *     .longshore/EXPORT/runts/00012/ATTEMPT that attempt's bytes, when they are too few for a part
 *     .longshore/EXPORT/welds/00012/ATTEMPT the record of runts joined under item 12's part number
 *     .longshore/EXPORT/index-upload        id of the upload of an index that's too large for one request
 *     .longshore/EXPORT/manifest-draft      written before the upload is completed, for whoever goes on after it
 *
 * Attempts have keys of their own, so that a late writer never replaces what another attempt wrote. The order
 * is the first to go: who writes something and then finds no order was too late, and takes it away again.
 */
export function workArea(exportId: string) {
  const root = `${WORK_ROOT}/${exportId}/`;
  return {
    root,
    order: `${root}order.json`,
    volume: `${root}volume.json`,
    catalog: `${root}catalog/`,
    segment: (item: number) => `${root}catalog/${digits(item)}`,
    items: `${root}items/`,
    record: (item: number, attempt: string) => `${root}items/${digits(item)}/${attempt}`,
    runt: (item: number, attempt: string) => `${root}runts/${digits(item)}/${attempt}`,
    indexUpload: `${root}index-upload`,
    manifestDraft: `${root}manifest-draft`,
    welds: `${root}welds/`,
    weld: (item: number, attempt: string) => `${root}welds/${digits(item)}/${attempt}`,
  };
}
