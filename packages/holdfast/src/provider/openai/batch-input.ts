/**
 * @module What a batch may cost at most, from the file of its requests.
 *
 * The file is seen when it is uploaded through a wrapped client; else it is downloaded before the batch is created. Of
 * its content only the sums are kept: in the store, so that another process may create the batch.
 */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import { HoldfastError } from "../../error/holdfast-error.ts";
import { PriceUnknownError } from "../../error/price-unknown-error.ts";
import type { Guard } from "../../guard/guard.ts";
import { BatchSum, planBatchRequest } from "../job/batch-sum.ts";
import { LineReader } from "../job/lines.ts";
import { parseJson } from "../observe/event-data.ts";
import { isObject, stringOf } from "../request/request-shape.ts";
import { openaiAdapter } from "./adapter.ts";
import { classifyEndpoint } from "./endpoint.ts";

/** How long the sums of an uploaded file are kept; after that it is read again. */
const KNOWN_MS = 7 * 86_400_000;
/** One request of a batch; pictures are in it as base64. */
const LONGEST_LINE = 64 * 1024 * 1024;
/** Uploads whose sums are being made, or could not be. */
const UPLOADS_MAX = 1_000;

/** Fetches the content of a file, through the application's client. */
export type ReadFile = (fileId: string) => Promise<Response>;

export class BatchInputs {
  readonly #guard: Guard;
  readonly #provider: string;
  readonly #uploads = new Map<string, Promise<BatchSum>>();

  constructor(guard: Guard, provider: string) {
    this.#guard = guard;
    this.#provider = provider;
  }

  /** Begins to add up the requests in a file that is being uploaded. Never throws. */
  sumUp(file: Blob): Promise<BatchSum> {
    const sum = this.#sumOf(file.stream());
    // Whoever creates the batch hears of it.
    sum.catch(() => undefined);
    return sum;
  }

  /** The upload of what is being added up has got this id. Never throws. */
  uploaded(fileId: string, sum: Promise<BatchSum>): void {
    if (fileId === "") return;
    for (const oldest of this.#uploads.keys()) {
      if (this.#uploads.size < UPLOADS_MAX) break;
      this.#uploads.delete(oldest);
    }
    this.#uploads.set(fileId, sum);
    sum.then(
      (done) => {
        this.#guard.jobs.remember(this.#key(fileId), done.toText(), KNOWN_MS);
        this.#uploads.delete(fileId);
      },
      (error: unknown) => {
        // Prices may be there by the time the batch is created; the file is then read again.
        if (error instanceof PriceUnknownError) this.#uploads.delete(fileId);
      },
    );
  }

  /**
   * @throws {CallNotBoundedError} when the file cannot be read, or a request in it cannot be held for.
   * @throws {PriceUnknownError} when a model in it has no price.
   */
  async of(fileId: string, readFile: ReadFile): Promise<BatchSum> {
    if (fileId === "") throw unreadable();
    const uploaded = this.#uploads.get(fileId);
    if (uploaded !== undefined) return uploaded;
    const known = await this.#guard.jobs.recall(this.#key(fileId));
    const remembered = known === undefined ? undefined : BatchSum.fromText(known);
    if (remembered !== undefined) return remembered;
    const sum = await this.#download(fileId, readFile);
    this.#guard.jobs.remember(this.#key(fileId), sum.toText(), KNOWN_MS);
    return sum;
  }

  async #download(fileId: string, readFile: ReadFile): Promise<BatchSum> {
    try {
      const { body } = await readFile(fileId);
      if (body === null) throw unreadable();
      return await this.#sumOf(body);
    } catch (cause) {
      if (HoldfastError.isHoldfastError(cause)) throw cause;
      throw unreadable({ cause });
    }
  }

  async #sumOf(content: AsyncIterable<Uint8Array>): Promise<BatchSum> {
    const sum = new BatchSum();
    let number = 0;
    const lines = new LineReader((line) => {
      number += 1;
      this.#addLine(sum, line, number);
    }, LONGEST_LINE);
    for await (const piece of content) lines.push(piece);
    lines.end();
    if (lines.isTooLong) {
      throw new CallNotBoundedError(
        `A line of the batch's input is longer than ${LONGEST_LINE} bytes, so no worst case can be stated for it.`,
      );
    }
    return sum;
  }

  #addLine(sum: BatchSum, text: string, number: number): void {
    const where = `Line ${number} of the batch's input`;
    const line = parseJson(text);
    if (!isObject(line) || !isObject(line["body"])) {
      throw new CallNotBoundedError(`${where} is no request, so no worst case can be stated for it.`);
    }
    const url = stringOf(line["url"]);
    const endpoint = classifyEndpoint(stringOf(line["method"]) || "POST", url);
    if (endpoint.kind !== "metered" || endpoint.endpoint === "batches") {
      throw new CallNotBoundedError(
        `${where} goes to ${JSON.stringify(url.slice(0, 80))}, for which nothing can be held.`,
      );
    }
    try {
      sum.add(planBatchRequest(this.#guard, openaiAdapter, this.#provider, endpoint.endpoint, line["body"]));
    } catch (cause) {
      if (!(cause instanceof CallNotBoundedError) && !(cause instanceof CallNotAllowedError)) throw cause;
      throw new CallNotBoundedError(`${where}: ${cause.message}`, { cause });
    }
  }

  #key(fileId: string): { provider: string; jobId: string } {
    return { provider: `${this.#provider}/input`, jobId: fileId };
  }
}

function unreadable(options?: ErrorOptions): CallNotBoundedError {
  return new CallNotBoundedError(
    "The input file of this batch was not uploaded through a wrapped client and cannot be downloaded, so no worst case can " +
      'be stated for it. To let such batches through unmetered, allow them: createHoldfast({ allow: ["batches"] }).',
    options,
  );
}
