/** A word of a bash script that means this text. */
export const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
