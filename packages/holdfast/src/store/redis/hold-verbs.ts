/** @module What is done to a hold: dispatch, settle, release, renew. Those that wait go in one script. */
import { DIMENSIONS } from "../../ledger/amounts.ts";
import type * as Port from "../../ledger/ledger-store.ts";
import { GroupCommit } from "../group-commit.ts";
import { toKeyText } from "./key-text.ts";
import type { Settings } from "./options.ts";
import type { OpenHold } from "./process-memory.ts";
import { amountsIn, expiredFrom, list, numbersIn, resolvedFrom, type Reply } from "./replies.ts";
import { brokenValue, type ReportExpired } from "./reservations.ts";
import type { Session } from "./session.ts";

const MAX_BATCH = 32;
const MAX_IN_FLIGHT = 3;

/** The codes of the scripts. */
const DONE = 1;
const DONE_BEFORE = 2;
const MISMATCH = 3;
const UNKNOWN = 4;
/** Settled, the hold being as this process knows it. */
const SETTLED_PLAINLY = 6;
const BROKEN = 9;

interface HoldOperation {
  readonly holdId: string;
  /** What the script takes for it. */
  readonly values: readonly string[];
  /** The hold as far as this process knows it. */
  readonly open?: OpenHold | undefined;
}

interface Answered {
  readonly answer: Reply;
  readonly nowMs: number;
}

type Group = GroupCommit<HoldOperation, Answered>;

export class HoldVerbs {
  readonly #session: Session;
  readonly #settings: Settings;
  readonly #report: ReportExpired;
  readonly #dispatches: Group;
  readonly #settles: Group;
  readonly #releases: Group;

  constructor(session: Session, settings: Settings, report: ReportExpired) {
    this.#session = session;
    this.#settings = settings;
    this.#report = report;
    const group = (name: "dispatch" | "settle" | "release"): Group =>
      new GroupCommit({
        commit: (batch) => this.#commit(name, batch),
        maxBatch: MAX_BATCH,
        maxInFlight: MAX_IN_FLIGHT,
      });
    this.#dispatches = group("dispatch");
    this.#settles = group("settle");
    this.#releases = group("release");
  }

  async dispatch(operation: Port.DispatchOperation): Promise<Port.DispatchResult> {
    const { holdId, ttlMs } = operation;
    const { answer, nowMs } = await this.#dispatches.submit({ holdId, values: [String(ttlMs)] });
    const code = Number(answer[0]);
    if (code === UNKNOWN) return { outcome: "unknown-hold" };
    if (code !== DONE && code !== DONE_BEFORE) return this.#over(holdId, answer);
    // Also when it was done before: the answer to that may have been lost on the way.
    this.#session.memory.dispatched(holdId, nowMs + ttlMs);
    return { outcome: "dispatched", replayed: code === DONE_BEFORE };
  }

  async settle(operation: Port.SettleOperation): Promise<Port.SettleResult> {
    const { holdId, amounts } = operation;
    const id = toKeyText(operation.operationId);
    const written = DIMENSIONS.map((dimension) => amounts[dimension]).join(",");
    const open = this.#session.memory.openHold(holdId);
    const { answer, nowMs } = await this.#settles.submit({ holdId, values: [id, written], open });
    const code = Number(answer[0]);
    if (code === UNKNOWN) return { outcome: "unknown-hold" };
    if (code === MISMATCH) return { outcome: "mismatch" };
    const isPlain = code === SETTLED_PLAINLY;
    if (!isPlain && code !== DONE && code !== DONE_BEFORE) return this.#over(holdId, answer);
    const corrected = !isPlain && Number(answer[1]) === 1;
    const held = isPlain ? open!.amounts : amountsIn(answer[2]);
    const spent = answer.slice(isPlain ? 1 : 4).map(numbersIn);
    this.#session.memory.settled({ id, holdId, amounts: written }, { corrected, held, spent }, nowMs);
    const settled: Port.Settled = {
      outcome: "settled",
      replayed: code === DONE_BEFORE,
      corrected,
      charged: amounts,
      held,
    };
    if (isPlain) return settled;
    const report = list(answer[3]);
    return report.length === 0 ? settled : { ...settled, expired: [expiredFrom(report)] };
  }

  async release(operation: Port.ReleaseOperation): Promise<Port.ReleaseResult> {
    const { holdId } = operation;
    const id = toKeyText(operation.operationId);
    const { answer, nowMs } = await this.#releases.submit({ holdId, values: [id] });
    const code = Number(answer[0]);
    if (code === UNKNOWN) return { outcome: "unknown-hold" };
    if (code !== DONE && code !== DONE_BEFORE) return this.#over(holdId, answer);
    const report = list(answer[3]);
    if (report.length > 0) this.#report([expiredFrom(report)], 0);
    this.#session.memory.released(id, holdId, nowMs);
    return { outcome: "released", replayed: code === DONE_BEFORE };
  }

  async renew(operation: Port.RenewOperation): Promise<Port.RenewResult> {
    const { base } = this.#session;
    const { holdId, operationId, ttlMs } = operation;
    const reply = await this.#session.run(
      "renew",
      [`${base}h:${toKeyText(holdId)}`, `${base}o:${toKeyText(operationId)}`, ...this.#lists()],
      [this.#settings.rememberMs, String(ttlMs)],
    );
    const answer = list(reply[4]);
    const code = Number(answer[0]);
    if (code === UNKNOWN) return { outcome: "unknown-hold" };
    if (code !== DONE && code !== DONE_BEFORE) return this.#over(holdId, answer);
    const expiresAtMs = Number(answer[1]);
    this.#session.memory.renewed(holdId, expiresAtMs);
    return { outcome: "renewed", replayed: code === DONE_BEFORE, expiresAtMs };
  }

  #over(holdId: string, answer: Reply): Port.AlreadyResolved {
    if (Number(answer[0]) === BROKEN) throw brokenValue();
    const result = resolvedFrom(answer);
    // An expired hold may still be settled, so it is still worth telling of.
    if (result.state !== "expired") this.#session.memory.over(holdId);
    return result;
  }

  async #commit(
    name: "dispatch" | "settle" | "release",
    batch: readonly HoldOperation[],
  ): Promise<readonly Answered[]> {
    const { base } = this.#session;
    const keys = batch.map(({ holdId }) => `${base}h:${toKeyText(holdId)}`);
    const values = [this.#settings.rememberMs, String(batch.length)];
    const places = new Map<string, number>();
    for (const { open, values: own } of batch) {
      values.push(...own);
      if (name !== "settle") continue;
      let chosen = "";
      for (const { scope, window } of open?.shares ?? []) {
        const counter = base + scope.counter(window);
        let place = places.get(counter);
        if (place === undefined) {
          keys.push(counter);
          // The script counts from 1, and before these come the two that are always there.
          place = keys.length + 2;
          places.set(counter, place);
        }
        chosen = chosen === "" ? String(place) : `${chosen},${place}`;
      }
      values.push(open?.lines ?? "", chosen);
    }
    keys.push(...this.#lists());
    const reply = await this.#session.run(name, keys, values);
    const nowMs = Number(reply[1]);
    return list(reply[4]).map((answer) => ({ answer: list(answer), nowMs }));
  }

  #lists(): string[] {
    return ["due", "scopes", "ends"].map((name) => this.#session.base + name);
  }
}
