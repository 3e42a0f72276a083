/** What is read in a cluster: the claim itself, while others may write it, or a copy that the CSI driver makes of it. */
export const CONSISTENCIES = ['Live', 'Snapshot', 'Clone'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

/** Said of a VolumeSnapshotClass that is named where no snapshot is asked for. */
export const CLASS_WITHOUT_SNAPSHOT = 'goes with consistency Snapshot alone';
