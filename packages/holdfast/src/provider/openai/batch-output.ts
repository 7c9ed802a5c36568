/** @module What a batch did cost, from the file of its results, for batches that do not say it themselves. */
import type { BilledPart } from "../../guard/attempt-outcome.ts";
import type { Guard } from "../../guard/guard.ts";
import { LineReader } from "../job/lines.ts";
import { parseJson } from "../observe/event-data.ts";
import { isObject } from "../request/request-shape.ts";
import { addUsage } from "../usage/usage-reading.ts";
import type { Usage } from "../../usage/usage.ts";
import { outputKey, servedBy, type SeenIn } from "./jobs.ts";
import { readUsage, searchesAsHeld } from "../usage/openai-usage.ts";

const LONGEST_LINE = 64 * 1024 * 1024;
const OBJECT_BEGIN = 0x7b;
/** Models in one batch. */
const MODELS_MAX = 100;

/** Reads a file as it is downloaded; one that is not the output of a batch is left alone from its first line on. */
export class BatchOutput {
  readonly #guard: Guard;
  readonly #provider: string;
  readonly #fileId: string;
  readonly #seen: SeenIn;
  readonly #usage = new Map<string, Usage>();
  readonly #lines = new LineReader((line) => this.#read(line), LONGEST_LINE);
  #isOutput: boolean | undefined;
  #hasBegun = false;
  /** Results that were billed and do not say what they used. */
  #silent = 0;

  constructor(guard: Guard, provider: string, fileId: string, seen: SeenIn) {
    this.#guard = guard;
    this.#provider = provider;
    this.#fileId = fileId;
    this.#seen = seen;
  }

  push(bytes: Uint8Array): void {
    // Other files need not have lines, and are not kept: a result begins as an object does.
    if (this.#isOutput === undefined && !this.#hasBegun && bytes.length > 0) {
      this.#hasBegun = true;
      if (bytes[0] !== OBJECT_BEGIN) this.#isOutput = false;
    }
    if (this.#isOutput !== false) this.#lines.push(bytes);
  }

  /** All of it was read. */
  end(): void {
    this.#lines.end();
    if (this.#isOutput !== true) return;
    this.#guard.jobs.recallLater(outputKey(this.#provider, this.#fileId), (batchId) => this.#settle(batchId));
  }

  #read(text: string): void {
    if (this.#isOutput === false) return;
    const line = parseJson(text);
    const isResult = isObject(line) && "custom_id" in line && "response" in line;
    this.#isOutput ??= isResult;
    if (!isResult || !isObject(line["response"]) || line["response"]["status_code"] !== 200) return;
    const { body } = line["response"];
    // Pictures come as a list of data; their tokens are not text.
    const drawn = isObject(body) && Array.isArray(body["data"]);
    const reading = readUsage(body, drawn ? "outputImageTokens" : "outputTextTokens");
    if (reading.kind !== "usage" || !isObject(body)) {
      this.#silent += 1;
      return;
    }
    const model = servedBy(body).model ?? "";
    if (!this.#usage.has(model) && this.#usage.size >= MODELS_MAX) {
      this.#silent += 1;
      return;
    }
    this.#usage.set(model, addUsage(this.#usage.get(model) ?? {}, reading.usage));
  }

  #settle(batchId: string): void {
    const isKnown = this.#silent === 0 && !this.#lines.isTooLong;
    this.#guard.jobs.settle({ provider: this.#provider, jobId: batchId }, ({ estimate }) => {
      const [first, ...others] = [...this.#usage].map(([model, usage]) => {
        const own = searchesAsHeld({ kind: "usage", usage }, estimate.usage);
        return [model, own.kind === "usage" ? own.usage : usage] as const;
      });
      const also = others.map(([model, usage]): BilledPart => ({ model, serviceTier: null, usage }));
      return {
        class: "complete",
        ...this.#seen,
        // The tier of batches is the one that was held for.
        served: { model: first === undefined || first[0] === "" ? null : first[0], serviceTier: null },
        usage: isKnown ? (first?.[1] ?? {}) : undefined,
        ...(isKnown ? {} : { problem: `${this.#silent} results do not say what they used` }),
        ...(isKnown && also.length > 0 ? { also } : {}),
      };
    });
  }
}
