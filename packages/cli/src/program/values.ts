import { InvalidArgumentError } from 'commander';

// What commander makes of an option's text; what it throws becomes part of the sentence that refuses the call.

export function positive(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('It must be a whole number from 1 on.');
}

/** Of a download: more would only be in each other's way. */
const MOST_CONNECTIONS = 64;

export function connections(text: string): number {
  const number = positive(text);
  if (number <= MOST_CONNECTIONS) return number;
  throw new InvalidArgumentError(`It must be ${MOST_CONNECTIONS} at most.`);
}

export function integer(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError('It must be a whole number.');
}

export function fromZero(text: string): number {
  const number = integer(text);
  if (number >= 0) return number;
  throw new InvalidArgumentError('It must be a whole number from 0 on.');
}

/** A header takes no others, and the server no more. */
export function headerValue(text: string): string {
  if (/^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 255 letters, digits and signs, without spaces.');
}

export const collect = (one: string, all: string[]) => [...all, one];
