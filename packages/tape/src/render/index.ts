export type { IoErrorPolicy } from './file-content.ts';
export type { FrameSink } from './frame-assembler.ts';
export {
  type RenderedItem,
  type RenderOptions,
  renderItem,
  vanishedTooMany,
  volumeGoing,
} from './render-item.ts';
