/**
 * @module What was let through while the store was out of reach and has not been posted yet, so that a process that
 * ends in the meantime takes nothing with it.
 *
 * A journal is a list of lines, one per step of such a call. Each line is written before the step has its effect:
 * "sent" before the request leaves. The file version is one file of JSON lines per process; it is empty whenever
 * everything has been posted.
 */
import { appendFileSync, mkdirSync, readFileSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { areValidAmounts, type Amounts } from "../ledger/amounts.ts";
import type { Scope } from "../ledger/ledger-store.ts";

export type JournalLine =
  /** The request is about to leave; unless more is known, it costs what is held for it. */
  | {
      readonly step: "sent";
      readonly holdId: string;
      readonly scopes: readonly Scope[];
      readonly amounts: Amounts;
    }
  /** What it really cost. */
  | { readonly step: "settled"; readonly holdId: string; readonly amounts: Amounts }
  /** Nothing is left to be posted. */
  | { readonly step: "posted"; readonly holdId: string };

/** A call that has not been posted. */
export interface UnpostedCall {
  readonly holdId: string;
  readonly scopes: readonly Scope[];
  readonly amounts: Amounts;
}

export interface OutageJournal {
  /** What an earlier process has left behind. */
  unposted(): readonly UnpostedCall[];
  /** Durable when it returns. */
  append(line: JournalLine): void;
}

/** Keeps nothing: what waits to be posted is lost when the process ends. */
export const NO_JOURNAL: OutageJournal = { unposted: () => [], append: () => undefined };

/**
 * A journal in a file that belongs to this process alone; give a process that is started in its place the same path.
 * Survives the process, not the disk.
 *
 * @throws when the file can be neither read nor created, or is no journal.
 */
export function fileJournal(path: string): OutageJournal {
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, "");
  const text = readFileSync(path, "utf8");
  const left = unpostedIn(text, path);
  // Half a line is cut off, or the next one would be appended to it.
  let length = Buffer.byteLength(text.slice(0, text.lastIndexOf("\n") + 1));
  truncateSync(path, length);
  const open = new Set(left.map(({ holdId }) => holdId));
  return {
    unposted: () => left,
    append(line) {
      if (line.step !== "sent" && !open.has(line.holdId)) return;
      const written = `${JSON.stringify(line)}\n`;
      try {
        appendFileSync(path, written);
      } catch (error) {
        // A disk that is full takes half a line; shortening needs no room.
        truncateSync(path, length);
        throw error;
      }
      length += Buffer.byteLength(written);
      if (line.step === "sent") open.add(line.holdId);
      if (line.step !== "posted") return;
      open.delete(line.holdId);
      if (open.size > 0) return;
      truncateSync(path);
      length = 0;
    },
  };
}

/** The calls of a journal's text that were sent and not posted, in order. */
export function unpostedIn(text: string, path: string): readonly UnpostedCall[] {
  const calls = new Map<string, UnpostedCall>();
  const lines = text.split("\n");
  lines.forEach((line, index) => {
    if (line === "") return;
    const read = parseLine(line);
    if (read === undefined) {
      // A process that is killed while it writes leaves half a line at the end, of a step that had no effect yet.
      if (index === lines.length - 1) return;
      throw new Error(`${path}, line ${index + 1}, is no line of an outage journal; move the file away.`);
    }
    if (read.step === "posted") calls.delete(read.holdId);
    else if (read.step === "sent") calls.set(read.holdId, read);
    else {
      const sent = calls.get(read.holdId);
      if (sent !== undefined) calls.set(read.holdId, { ...sent, amounts: read.amounts });
    }
  });
  return [...calls.values()].map(({ holdId, scopes, amounts }) => ({ holdId, scopes, amounts }));
}

function parseLine(text: string): JournalLine | undefined {
  let line: Partial<Record<string, unknown>>;
  try {
    line = JSON.parse(text) as Partial<Record<string, unknown>>;
  } catch {
    return undefined;
  }
  const { step, holdId, scopes, amounts } = line;
  if (typeof holdId !== "string") return undefined;
  if (step === "posted") return { step, holdId };
  if (typeof amounts !== "object" || amounts === null || !areValidAmounts(amounts as Amounts))
    return undefined;
  if (step === "settled") return { step, holdId, amounts: amounts as Amounts };
  if (step !== "sent" || !Array.isArray(scopes)) return undefined;
  return { step, holdId, amounts: amounts as Amounts, scopes: scopes as readonly Scope[] };
}
