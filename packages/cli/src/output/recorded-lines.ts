/** What was known when an archive was made, in lines; none where all was well. */
export function recordedLines({ drift, lost }: { drift: number; lost: number }): string[] {
  const count = (n: number) => n.toLocaleString('en');
  return [
    ...(drift > 0
      ? [`${count(drift)} files had changed or could not be read when it was made: the manifest lists them`]
      : []),
    ...(lost > 0
      ? [`${count(lost)} names could not be archived when it was made: the manifest lists them`]
      : []),
  ];
}
