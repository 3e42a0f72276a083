/** A set-up that can't go on; `message` says what is missing and what to do about it. */
export class SetupError extends Error {}
