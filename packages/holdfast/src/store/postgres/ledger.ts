/**
 * @module The way of operations to the database and of their answers back: grouped with those that wait, repeated when
 * Postgres asks for it, one by one when one of a group spoils it for the others.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { ExpireOperation } from "../../ledger/ledger-store.ts";
import { GroupCommit } from "../group-commit.ts";
import type { ServerClock } from "../server-clock.ts";
import type { Answer, BatchAnswer } from "./answers.ts";
import { batchArguments, runStatement, subjectOf, type BatchSettings, type StoreOperation } from "./batch.ts";
import type { Query, Row } from "./client.ts";
import { RETRIED_STATES, withRetries } from "./retry.ts";
import { requireSchema, setupErrorOf, sqlStateOf } from "./schema.ts";
import { ScopeTexts } from "./scope-text.ts";

export interface LedgerSettings {
  readonly rememberMs: number;
  readonly rememberDenialsMs: number;
  readonly maxOperations: number;
  readonly maxTrips: number;
  readonly lockTimeoutMs: number;
  readonly serverClock: Clock | undefined;
  /** Hears of the holds that trips resolved in passing. */
  readonly onExpired: (expired: BatchAnswer["expired"]) => void;
}

type Outcome = { readonly answer: Answer } | { readonly error: unknown };

/** Due holds that a trip resolves in passing, so that its own cost stays bounded. */
const IN_PASSING = 16;
const LOOK_FOR_DUE_EVERY_MS = 100;
/** Rows of each kind that a sweep forgets. */
const FORGOTTEN_AT_ONCE = 200;
/** The server's time may be one that no calendar here knows, and holds may fall due faster than they are resolved. */
const MOST_TRIPS = 50;
/** An operation of a group that ran into a lock has already waited once; now those of its group wait for each other. */
const SECOND_LOCK_TIMEOUT_MS = 250;
const SECOND_LOCK_TIMEOUT_PER_OPERATION_MS = 20;

/** States that one operation can bring about for all that share its trip: bad data, limits, locks, a timeout. */
const SPOILS_OTHERS = /^(22|23|54|P0|XX|55P03|57014)/;

export class Ledger {
  readonly #query: Query;
  readonly #schema: string;
  readonly #statement: string;
  readonly #clock: ServerClock;
  readonly #settings: LedgerSettings;
  readonly #texts = new ScopeTexts();
  readonly #group: GroupCommit<StoreOperation, Outcome>;
  #whenReady: Promise<void> | undefined;
  /** Where the next sweep goes on looking for empty counters. */
  #forgetBehind = "";
  #lookedForDueAtMs = -Infinity;

  constructor(query: Query, schema: string, clock: ServerClock, settings: LedgerSettings) {
    this.#query = query;
    this.#schema = schema;
    this.#statement = runStatement(schema);
    this.#clock = clock;
    this.#settings = settings;
    this.#group = new GroupCommit({
      commit: (operations) => this.#commit(operations),
      maxBatch: settings.maxOperations,
      maxInFlight: settings.maxTrips,
    });
  }

  /** Runs `act` once the schema was found to be the right one. */
  async ready<T>(act: () => Promise<T>): Promise<T> {
    this.#whenReady ??= requireSchema(this.#query, this.#schema);
    try {
      await this.#whenReady;
    } catch (cause) {
      this.#whenReady = undefined;
      throw cause;
    }
    try {
      return await withRetries(RETRIED_STATES, act);
    } catch (cause) {
      throw setupErrorOf(cause, this.#schema) ?? cause;
    }
  }

  /** Asks until there is an answer: again with other windows, or with the holds resolved that are in the way. */
  async ask(operation: StoreOperation): Promise<Answer> {
    let again: Partial<BatchSettings> = {};
    for (let trip = 0; trip < MOST_TRIPS; trip++) {
      const isSpecial = again.resolveDue === true || again.lookUp === true;
      const outcome = isSpecial ? await this.#alone(operation, again) : await this.#group.submit(operation);
      if ("error" in outcome) throw outcome.error;
      const { answer } = outcome;
      if (answer.o === "due") again = { ...again, resolveDue: true };
      else if (answer.o === "known") again = { ...again, lookUp: true };
      else if (answer.o !== "clock") return answer;
    }
    throw new Error(`the store's clock and its holds did not stand still for ${MOST_TRIPS} trips`);
  }

  /** Resolves due holds, and forgets some of what is long over. */
  async sweep(operation: ExpireOperation): Promise<Answer> {
    const { rememberMs, serverClock } = this.#settings;
    const statement = `${this.#statement}, ${this.#schema}.forget($10::text::bigint, $11::text::bigint, $12::text::integer, $13::text) AS behind`;
    const rows = await this.ready(() =>
      this.#query(statement, [
        ...this.#arguments([{ verb: "expire", operation }], { inPassing: operation.limit }),
        serverClock === undefined ? null : String(serverClock.now()),
        String(rememberMs),
        String(FORGOTTEN_AT_ONCE),
        this.#forgetBehind,
      ]),
    );
    this.#forgetBehind = rows[0]?.["behind"] as string;
    return this.#read(rows, 1)[0]!;
  }

  async #commit(operations: readonly StoreOperation[]): Promise<Outcome[]> {
    if (operations.length === 1) return [await this.#alone(operations[0]!, {})];
    const outcomes = new Array<Outcome>(operations.length);
    for (const wave of wavesOf(operations)) {
      const sent = wave.map((index) => operations[index]!);
      const results = await this.#send(sent);
      for (let i = 0; i < wave.length; i++) outcomes[wave[i]!] = results[i]!;
    }
    return outcomes;
  }

  async #send(operations: readonly StoreOperation[]): Promise<readonly Outcome[]> {
    try {
      return (await this.#run(operations, {})).map((answer) => ({ answer }));
    } catch (error) {
      if (operations.length > 1 && SPOILS_OTHERS.test(sqlStateOf(error) ?? "")) {
        const secondMs = SECOND_LOCK_TIMEOUT_MS + SECOND_LOCK_TIMEOUT_PER_OPERATION_MS * operations.length;
        const lockTimeoutMs = Math.min(this.#settings.lockTimeoutMs, secondMs);
        return Promise.all(operations.map((operation) => this.#alone(operation, { lockTimeoutMs })));
      }
      return operations.map(() => ({ error }));
    }
  }

  async #alone(operation: StoreOperation, over: Partial<BatchSettings>): Promise<Outcome> {
    try {
      return { answer: (await this.#run([operation], over))[0]! };
    } catch (error) {
      return { error };
    }
  }

  async #run(
    operations: readonly StoreOperation[],
    over: Partial<BatchSettings>,
  ): Promise<readonly Answer[]> {
    let attempts = 0;
    const rows = await this.ready(() => {
      attempts += 1;
      // Somebody else may have made one of these reservations; a reservation that is looked for is found.
      const lookUp = attempts > 1 ? { lookUp: true } : {};
      return this.#query(this.#statement, this.#arguments(operations, { ...over, ...lookUp }));
    });
    return this.#read(rows, operations.length);
  }

  #arguments(operations: readonly StoreOperation[], over: Partial<BatchSettings>): string[] {
    const { rememberMs, rememberDenialsMs, lockTimeoutMs, serverClock } = this.#settings;
    return batchArguments(operations, this.#texts, this.#clock, {
      nowMs: serverClock?.now(),
      lockTimeoutMs,
      rememberMs,
      rememberDenialsMs,
      inPassing: this.#inPassing(operations),
      resolveDue: false,
      lookUp: false,
      ...over,
    });
  }

  /** Looking for due holds costs a tenth of a reservation, so it is not done by every one. */
  #inPassing(operations: readonly StoreOperation[]): number {
    const nowMs = this.#clock.nowMs();
    if (Math.abs(nowMs - this.#lookedForDueAtMs) < LOOK_FOR_DUE_EVERY_MS) return 0;
    if (!operations.some(({ verb }) => verb === "reserve")) return 0;
    this.#lookedForDueAtMs = nowMs;
    return IN_PASSING;
  }

  #read(rows: readonly Row[], count: number): readonly Answer[] {
    const { now, answers, expired } = JSON.parse(String(rows[0]?.["answer"])) as BatchAnswer;
    this.#clock.learn(now);
    if (expired.length > 0) this.#settings.onExpired(expired);
    if (answers.length === count) return answers;
    throw new Error(`${count} operations were sent and ${answers.length} answers came back`);
  }
}

/** Indices of operations that may go together: what names the same hold, or has the same id, goes one after the other. */
function wavesOf(operations: readonly StoreOperation[]): readonly (readonly number[])[] {
  const waves: number[][] = [];
  const waveOf = new Map<string, number>();
  for (let index = 0; index < operations.length; index++) {
    const subject = subjectOf(operations[index]!);
    const wave = (waveOf.get(subject) ?? -1) + 1;
    waveOf.set(subject, wave);
    (waves[wave] ??= []).push(index);
  }
  return waves;
}
