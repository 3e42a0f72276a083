import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * Stands in for a program: same terminal, same signals, same way to end. It's the nearest to exec(2) that
 * Node 20 has.
 * @param {string} program
 * @param {string[]} args
 */
export function relay(program, args) {
  // Before the program starts, so that no signal comes between and orphans it.
  for (const signal of FORWARDED) process.on(signal, () => forward(child, signal));
  const child = spawn(program, args, { stdio: 'inherit' });
  child.on('error', (error) => {
    console.error(`longshore can't start ${program}: ${error.message}. Run \`npm ci\` again.`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => (signal ? dieBy(signal) : process.exit(code ?? 1)));
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
function forward(child, signal) {
  // Ctrl-C reaches the terminal's whole foreground group. Sent on as well, it would count as a second one,
  // and a second one means "don't wait for a clean end".
  if (signal === 'SIGINT' && ownsTerminal()) return;
  child.kill(signal);
}

/** Whether this process's group is its terminal's foreground one: fields pgrp and tpgid of proc_pid_stat(5). */
function ownsTerminal() {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foreground;
}

/** Ends as the child did, so that a shell sees the signal and not a number. */
function dieBy(/** @type {NodeJS.Signals} */ signal) {
  for (const forwarded of FORWARDED) process.removeAllListeners(forwarded);
  process.kill(process.pid, signal);
  // Where the signal doesn't end this process (it's blocked, or it's init), the shells' convention is left.
  setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
}
