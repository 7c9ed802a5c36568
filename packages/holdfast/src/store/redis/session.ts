/**
 * @module What lies between the scripts and the server: the history that this process and the data agree on.
 *
 * Each script is sent with the epoch and the numbers that this process has seen acknowledged. Data that is behind them
 * has lost something; then nothing is admitted, everybody tells what they know, and a new epoch begins. See
 * lua/heartbeat.lua for how that is found out, and lua/restore.lua for how it is made good.
 */
import { StoreDataLossError } from "../../error/store-data-loss-error.ts";
import { StoreSetupError } from "../../error/store-setup-error.ts";
import { StoreUnavailableError } from "../../error/store-unavailable-error.ts";
import { systemClock } from "../../kernel/clock.ts";
import { createIdSource } from "../../kernel/id.ts";
import { ServerClock } from "../server-clock.ts";
import type { Settings } from "./options.ts";
import { ProcessMemory } from "./process-memory.ts";
import type { Connection } from "./redis-client.ts";
import { list, text, type Reply } from "./replies.ts";
import { runScript } from "./run-script.ts";
import type { ScriptName } from "./scripts.ts";

const TRIES = 8;
const COUNTERS_AT_A_TIME = 100;
const HOLDS_AT_A_TIME = 100;
/** How long `close` waits for its farewell to arrive. */
const FAREWELL_MS = 1_000;

/** What a heartbeat finds; see lua/heartbeat.lua. */
const FOUND_LOSS = 3;
const TOLD_OF_LOSS = 4;

interface History {
  readonly epoch: string;
  /** Under which the notes of what counters had spent before the loss are; only while it is made good. */
  readonly noteSet: string;
  /** Whether this process has lived since they began: then what it has seen was spent after them too. */
  readonly hasLived: boolean;
  sequence: number;
  own: number;
}

export class Session {
  readonly memory: ProcessMemory = new ProcessMemory();
  readonly clock: ServerClock;
  /** What all keys begin with. */
  readonly base: string;
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly #ids = createIdSource();
  readonly #writer = this.#ids();
  readonly #meta: string;
  readonly #writerKey: string;
  #history: History = { epoch: "", noteSet: "", hasLived: false, sequence: 0, own: 0 };
  /** Whether the history is the data's, as far as is known. */
  #agreed = false;
  #meeting: Promise<void> | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #closed = false;
  #toldUnknownPolicy = false;

  constructor(connection: Connection, settings: Settings) {
    this.#connection = connection;
    this.#settings = settings;
    this.clock = new ServerClock(settings.serverClock ?? systemClock);
    this.base = `{${settings.prefix}}:`;
    this.#meta = `${this.base}meta`;
    this.#writerKey = `${this.base}w:${this.#writer}`;
  }

  /**
   * Runs a script and gives its reply, whose first number is 0.
   * @throws {StoreDataLossError} when the data keeps being lost
   * @throws {StoreSetupError} when the data or the server is not fit
   */
  async run(name: ScriptName, keys: readonly string[], values: readonly string[]): Promise<Reply> {
    for (let tries = 0; tries < TRIES; tries++) {
      if (!this.#agreed) await this.#meet();
      const history = this.#history;
      const reply = await this.#send(name, history, keys, values);
      const outcome = Number(reply[0]);
      if (outcome === 0) {
        this.#note(history, reply);
        await this.#waitForReplicas();
        return reply;
      }
      if (outcome !== 1) throw otherVersion();
      if (history === this.#history) this.#agreed = false;
    }
    throw new StoreDataLossError("the data in Redis changes under this process again and again");
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    if (!this.#agreed) return;
    const farewell = this.#greet("leave").then(
      () => {},
      () => {},
    );
    this.#history.own = 0;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FAREWELL_MS);
    });
    await Promise.race([farewell, patience]);
    clearTimeout(timer);
  }

  #send(
    name: ScriptName,
    history: History,
    keys: readonly string[],
    values: readonly string[],
  ): Promise<readonly unknown[]> {
    return runScript(
      this.#connection,
      name,
      [this.#meta, this.#writerKey, ...keys],
      [history.epoch, String(history.sequence), String(history.own), this.#time(), ...values],
    );
  }

  #time(): string {
    const { serverClock } = this.#settings;
    return serverClock === undefined ? "" : String(serverClock.now());
  }

  #note(history: History, reply: Reply): void {
    this.clock.learn(Number(reply[1]));
    history.sequence = Math.max(history.sequence, Number(reply[2]));
    if (!this.#closed) history.own = Math.max(history.own, Number(reply[3]));
  }

  /** All who wait for an agreement wait for the same one. */
  #meet(): Promise<void> {
    this.#meeting ??= this.#agree().finally(() => {
      this.#meeting = undefined;
    });
    return this.#meeting;
  }

  async #agree(): Promise<void> {
    let told = "";
    for (let tries = 0; tries < TRIES; tries++) {
      const reply = await this.#greet("");
      const outcome = Number(reply[0]);
      if (outcome === 5) throw otherVersion();
      if (outcome === 6) {
        throw new StoreSetupError(
          "this Redis server is built for 32 bits, where Lua cannot count money; use one for 64 bits",
        );
      }
      this.#checkPolicy(text(reply[6]), text(reply[7]));
      const epoch = text(reply[4]);
      const history = {
        epoch,
        noteSet: text(reply[8]),
        hasLived: Number(reply[9]) === 1,
        sequence: Number(reply[2]),
        own: Number(reply[3]),
      };
      this.clock.learn(Number(reply[1]));
      if (outcome === FOUND_LOSS || outcome === TOLD_OF_LOSS) {
        if (told !== epoch) this.#tellOfLoss(outcome, Number(reply[5]));
        told = epoch;
        if (!(await this.#announce(history))) continue;
      }
      if (epoch === this.#history.epoch) this.#note(this.#history, reply);
      else this.#history = history;
      this.#agreed = true;
      this.#startHeartbeat();
      return;
    }
    throw new StoreDataLossError("the data in Redis changes under this process again and again");
  }

  #greet(word: "" | "leave"): Promise<readonly unknown[]> {
    const { epoch, sequence, own } = this.#history;
    const newEpoch = this.#ids();
    return runScript(
      this.#connection,
      "heartbeat",
      [this.#meta, this.#writerKey, `${this.base}writers`],
      [
        epoch,
        String(sequence),
        String(own),
        this.#time(),
        newEpoch,
        String(this.#settings.learningMs),
        this.#writer,
        word,
      ],
    );
  }

  #tellOfLoss(outcome: number, learningUntilMs: number): void {
    const discovery = outcome === FOUND_LOSS ? "found" : "told";
    this.#settings.onDataLoss({ discovery, learningUntilMs, ...this.memory.sizes });
  }

  /** Tells the data what this process knows. False when it was lost once more meanwhile. */
  async #announce(history: History): Promise<boolean> {
    const { memory, base } = this;
    const counters = memory.counterAnnouncements(this.clock.nowMs());
    const holds = memory.holdAnnouncements();
    for (let from = 0; from < counters.length; from += COUNTERS_AT_A_TIME) {
      const some = counters.slice(from, from + COUNTERS_AT_A_TIME);
      const keys = some.flatMap(({ name }) => [base + name, `${base}l:${history.noteSet}:${name.slice(2)}`]);
      const values = [String(some.length), ...some.flatMap((counter) => counter.values)];
      const reply = await this.#restore(history, keys, values);
      if (reply === undefined) return false;
      // What others knew, or what has been spent since, this process knows from now on: another loss may come.
      list(reply[4]).forEach((spent, i) => memory.saw(some[i]!.share, text(spent), Number(reply[1])));
    }
    for (let from = 0; from < holds.length; from += HOLDS_AT_A_TIME) {
      const some = holds.slice(from, from + HOLDS_AT_A_TIME);
      const keys = some.map(({ id }) => `${base}h:${id}`);
      const values = ["0", ...some.flatMap((hold) => hold.values)];
      if ((await this.#restore(history, keys, values)) === undefined) return false;
    }
    return true;
  }

  /** Undefined when the data was lost once more meanwhile. */
  async #restore(
    history: History,
    keys: readonly string[],
    values: readonly string[],
  ): Promise<Reply | undefined> {
    const lists = ["due", "scopes", "ends"].map((name) => this.base + name);
    const reply = await this.#send(
      "restore",
      history,
      [...keys, ...lists],
      [this.#settings.rememberMs, history.hasLived ? "1" : "0", ...values],
    );
    if (Number(reply[0]) !== 0) return undefined;
    this.#note(history, reply);
    return reply;
  }

  /** @throws {StoreSetupError} when the server may evict keys. */
  #checkPolicy(policy: string, reason: string): void {
    const { evictionPolicy, onWarning } = this.#settings;
    if (policy === "noeviction") return;
    if (policy === "") {
      if (this.#toldUnknownPolicy) return;
      this.#toldUnknownPolicy = true;
      onWarning({
        code: "eviction-policy-unknown",
        message: `whether this Redis evicts keys is not known (${reason === "" ? "INFO does not say" : "INFO is not permitted"}); make sure that maxmemory-policy is noeviction`,
      });
      return;
    }
    const message = `maxmemory-policy is ${policy}: Redis may evict what budgets have spent; set it to noeviction`;
    if (evictionPolicy === "refuse") {
      this.#agreed = false;
      throw new StoreSetupError(`${message}, or allow it by evictionPolicy: "warn"`);
    }
    if (!this.#agreed) onWarning({ code: "eviction-policy", message });
  }

  #startHeartbeat(): void {
    if (this.#closed || this.#heartbeat !== undefined) return;
    this.#heartbeat = setInterval(() => {
      this.memory.forgetOverdue(this.clock.nowMs());
      // Out of reach now is found out by whoever needs it.
      this.#meet().catch(() => {});
    }, this.#settings.heartbeatMs);
    this.#heartbeat.unref();
  }

  async #waitForReplicas(): Promise<void> {
    const wanted = this.#settings.waitForReplicas;
    if (wanted === undefined) return;
    const confirmed = Number(await this.#connection.wait!(wanted.count, wanted.timeoutMs));
    if (confirmed >= wanted.count) return;
    throw new StoreUnavailableError(
      `${confirmed} of ${wanted.count} replicas have confirmed within ${wanted.timeoutMs} ms; the operation may have happened`,
    );
  }
}

function otherVersion(): StoreSetupError {
  return new StoreSetupError(
    "the data in Redis was written by a newer version of Holdfast; update this one, or use another prefix",
  );
}
