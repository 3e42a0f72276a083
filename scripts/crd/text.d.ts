export declare const CRD_FILE: string;
/** What `CRD_FILE` has to say. */
export declare function crdText(): string;
