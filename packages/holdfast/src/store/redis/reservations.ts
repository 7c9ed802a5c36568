/** @module Reserving: those that wait go in one script, each with an answer of its own. */
import { StoreDataLossError } from "../../error/store-data-loss-error.ts";
import { StoreSetupError } from "../../error/store-setup-error.ts";
import type { Window } from "../../kernel/window.ts";
import { DIMENSIONS } from "../../ledger/amounts.ts";
import type { ExpiredHold, Held, ReserveOperation, ReserveResult } from "../../ledger/ledger-store.ts";
import { GroupCommit } from "../group-commit.ts";
import { toKeyText } from "./key-text.ts";
import type { Settings } from "./options.ts";
import { LIVE } from "./process-memory.ts";
import { denialFrom, expiredFrom, limitsIn, list, text, type Reply } from "./replies.ts";
import { refsFrom, type ScopeText } from "./scope-text.ts";
import type { Session } from "./session.ts";

const MAX_BATCH = 32;
const MAX_IN_FLIGHT = 3;
const CLOCK_TRIES = 5;
/** Each resolves some of the due holds that stand in the way. */
const EXPIRY_TRIES = 10_000;

interface Pending {
  readonly operation: ReserveOperation;
  readonly scopes: readonly ScopeText[];
}

interface Answered {
  readonly answer: Reply;
  readonly nowMs: number;
  /** The candidate windows that were sent for each of the operation's scopes. */
  readonly candidates: readonly (readonly Window[])[];
}

/** The codes of lua/reserve.lua. */
const HELD = 1;
const HELD_BEFORE = 2;
const DENIED = 3;
const DENIED_BEFORE = 4;
const MISMATCH = 5;
const OTHER_WINDOW = 6;
const MORE_DUE = 7;
const UNDESCRIBED = 8;
const BROKEN = 9;
/** What a number instead of answers stands for. */
const HELD_PLAINLY: Reply = [HELD, ""];

export type ReportExpired = (expired: readonly ExpiredHold[], broken: number) => void;

export class Reservations {
  readonly #session: Session;
  readonly #settings: Settings;
  readonly #report: ReportExpired;
  readonly #group: GroupCommit<Pending, Answered>;

  constructor(session: Session, settings: Settings, report: ReportExpired) {
    this.#session = session;
    this.#settings = settings;
    this.#report = report;
    this.#group = new GroupCommit({
      commit: (batch) => this.#commit(batch),
      maxBatch: MAX_BATCH,
      maxInFlight: MAX_IN_FLIGHT,
    });
  }

  async reserve(operation: ReserveOperation, scopes: readonly ScopeText[]): Promise<ReserveResult> {
    let clockTries = 0;
    for (let tries = 0; tries < EXPIRY_TRIES; tries++) {
      const answered = await this.#group.submit({ operation, scopes });
      const code = Number(answered.answer[0]);
      switch (code) {
        case HELD:
          return this.#held(operation, scopes, answered);
        case HELD_BEFORE:
          return this.#heldBefore(operation, scopes, answered.answer);
        case DENIED:
        case DENIED_BEFORE:
          return this.#denied(operation, scopes, answered);
        case MISMATCH:
          return { outcome: "mismatch" };
        case OTHER_WINDOW:
          clockTries += 1;
          if (clockTries === CLOCK_TRIES) {
            throw new StoreSetupError(
              "the clock of the Redis server leaps; no window of a budget contains its time",
            );
          }
          break;
        case MORE_DUE:
          break;
        case UNDESCRIBED:
          for (const scope of scopes) scope.undescribed();
          break;
        case BROKEN:
          throw brokenValue();
        default: {
          const leftMs = Number(answered.answer[1]) - answered.nowMs;
          throw new StoreDataLossError(
            `Redis has lost data; nothing is admitted for another ${leftMs} ms, while processes tell what they know`,
          );
        }
      }
    }
    throw new StoreSetupError("holds become due faster than they can be resolved");
  }

  async #commit(batch: readonly Pending[]): Promise<readonly Answered[]> {
    const { base, clock } = this.#session;
    const windows = new Map<ScopeText, readonly Window[]>();
    const numbers = new Map<ScopeText, number>();
    const counters: string[] = [];
    const values: string[] = [];
    const ambiguous = namesWithSeveral(batch);
    for (const { scopes } of batch) {
      for (const scope of scopes) {
        if (numbers.has(scope)) continue;
        numbers.set(scope, numbers.size + 1);
        const isAlone = !ambiguous.has(scope.name);
        const candidates = clock.candidates(scope.scope.window);
        windows.set(scope, candidates);
        for (const window of candidates) counters.push(scope.counter(window));
        if (candidates.length === 1 && isAlone && scope.isDescribed(candidates[0]!)) {
          values.push(scope.mark);
        } else {
          values.push("+", scope.mark, scope.config, scope.description, String(candidates.length));
          if (candidates.length > 1) for (const window of candidates) values.push(scope.ref(window));
        }
      }
    }
    const keys = counters.map((name) => base + name);
    for (const { operation, scopes } of batch) {
      keys.push(`${base}h:${toKeyText(operation.operationId)}`);
      values.push(operationText(operation, scopes, numbers), linesOf(scopes, windows));
    }
    keys.push(`${base}due`, `${base}scopes`, `${base}ends`);
    const { rememberMs, rememberDenialsMs } = this.#settings;
    const reply = await this.#session.run("reserve", keys, [
      rememberMs,
      rememberDenialsMs,
      String(numbers.size),
      ...values,
    ]);
    const expired = list(reply[5]);
    if (expired.length > 0 || Number(reply[6]) > 0) {
      this.#report(
        expired.map((report) => expiredFrom(list(report))),
        Number(reply[6]),
      );
    }
    const nowMs = Number(reply[1]);
    const answers = Array.isArray(reply[4]) ? list(reply[4]) : batch.map(() => HELD_PLAINLY);
    return answers.map((answer, i) => ({
      answer: list(answer),
      nowMs,
      candidates: batch[i]!.scopes.map((scope) => windows.get(scope)!),
    }));
  }

  #held(operation: ReserveOperation, scopes: readonly ScopeText[], answered: Answered): Held {
    const { answer, nowMs, candidates } = answered;
    const choices = text(answer[1]);
    const windows = candidates.map((each, i) => each[choices[i] === "1" ? 1 : 0]!);
    const shares = scopes.map((scope, i) => {
      scope.describedIn(windows[i]!);
      return { scope, window: windows[i]! };
    });
    const { operationId: holdId, amounts } = operation;
    const { memory } = this.#session;
    memory.held(holdId, shares, amounts, nowMs, nowMs + operation.undispatchedTtlMs);
    const held: Held = { outcome: "held", holdId, replayed: false, reservedAtMs: nowMs, windows };
    return answer.length > 2 ? { ...held, available: limitsIn(answer[2]) } : held;
  }

  #heldBefore(operation: ReserveOperation, scopes: readonly ScopeText[], answer: Reply): Held {
    const windows = refsFrom(text(answer[2])).map(({ window }) => window);
    const reservedAtMs = Number(answer[1]);
    const { operationId: holdId, amounts } = operation;
    const { memory } = this.#session;
    if (Number(answer[3]) === LIVE && memory.openHold(holdId) === undefined) {
      // The first answer was lost on the way: only now this process knows that it holds something.
      const shares = scopes.map((scope, i) => ({ scope, window: windows[i]! }));
      memory.held(holdId, shares, amounts, reservedAtMs, Number(answer[4]));
    }
    return { outcome: "held", holdId, replayed: true, reservedAtMs, windows };
  }

  #denied(operation: ReserveOperation, scopes: readonly ScopeText[], answered: Answered): ReserveResult {
    const { answer, nowMs } = answered;
    if (Number(answer[0]) === DENIED) {
      const windows = refsFrom(text(answer[3]));
      const states = text(answer[2]).split("\n");
      for (let i = 0; i < scopes.length; i++) {
        const spent = states[i]!.split(",").slice(0, DIMENSIONS.length).join(",");
        this.#session.memory.saw({ scope: scopes[i]!, window: windows[i]!.window }, spent, nowMs);
      }
    }
    return denialFrom(answer, operation);
  }
}

export function brokenValue(): StoreSetupError {
  return new StoreSetupError(
    "a value in Redis that this operation needs is not as Holdfast wrote it; nothing was changed",
  );
}

/**
 * The scopes that come with different limits in one batch. Each of these changes what the counter says of the others, so
 * of every one all is said, and the script takes the longer way.
 */
function namesWithSeveral(batch: readonly Pending[]): ReadonlySet<string> {
  const first = new Map<string, ScopeText>();
  const several = new Set<string>();
  for (const { scopes } of batch) {
    for (const scope of scopes) {
      const known = first.get(scope.name);
      if (known === undefined) first.set(scope.name, scope);
      else if (known !== scope) several.add(scope.name);
    }
  }
  return several;
}

/** A line for each scope; of one with two candidate windows, either, since the script knows better. */
function linesOf(scopes: readonly ScopeText[], windows: ReadonlyMap<ScopeText, readonly Window[]>): string {
  let lines = "";
  for (const scope of scopes) {
    const line = scope.ref(windows.get(scope)![0]!);
    lines = lines === "" ? line : `${lines}\n${line}`;
  }
  return lines;
}

/** Six amounts, life, whether to report what is available, the numbers of the scopes. */
function operationText(
  operation: ReserveOperation,
  scopes: readonly ScopeText[],
  numbers: ReadonlyMap<ScopeText, number>,
): string {
  const { amounts, undispatchedTtlMs, reportAvailable } = operation;
  let written = "";
  for (const dimension of DIMENSIONS) written += `${amounts[dimension]},`;
  written += `${undispatchedTtlMs},${reportAvailable === true ? 1 : 0}`;
  for (const scope of scopes) written += `,${numbers.get(scope)}`;
  return written;
}
