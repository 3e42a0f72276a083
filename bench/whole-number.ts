/** The number that an option was given. Throws where it's none, or out of the range, both ends of which are in it. */
export function wholeNumber(
  option: string,
  text: string,
  { least = 1, most = Number.MAX_SAFE_INTEGER }: { least?: number; most?: number } = {},
): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
  const end = most === Number.MAX_SAFE_INTEGER ? 'on' : `to ${most}`;
  throw new Error(`--${option} takes whole numbers from ${least} ${end}, not ${text}.`);
}
