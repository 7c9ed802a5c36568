/**
 * @module The responses that a streaming method has opened before anybody reads its stream.
 *
 * A generator that is closed before its first step runs none of its code, so the SDK cannot let go of the response: it would
 * be generated, and held for, until somebody gives up on it.
 */
import { mergeAttribution, type Attribution } from "../../attribution/attribution.ts";

/** The attribution that holds follows the asynchronous flow, and is an object of its own for each streaming method. */
const byAttribution = new WeakMap<Attribution, OpenedResponses>();

export class OpenedResponses {
  /** What is to hold while the method works. */
  readonly attribution: Attribution;
  /** Undefined when the stream is being read, and its responses are the reader's. */
  #opened: Response[] | undefined = [];
  /** A chat's stream reads a model's: whoever of both is closed unread lets go. */
  readonly #around: OpenedResponses | undefined;

  /**
   * @param current the attribution that holds where the method is called
   * @param own that of the call
   */
  constructor(current: Attribution | undefined, own: Attribution | undefined) {
    this.attribution = mergeAttribution(own);
    this.#around = current === undefined ? undefined : byAttribution.get(current);
    byAttribution.set(this.attribution, this);
  }

  /** To be called with each response as the SDK gets it. @param current the attribution that holds there */
  static note(current: Attribution | undefined, response: Response): void {
    let here = current === undefined ? undefined : byAttribution.get(current);
    for (; here !== undefined; here = here.#around) {
      if (here.#opened !== undefined) here.#opened.push(response);
    }
  }

  /** The SDK goes on by itself from here. */
  leaveToReader(): void {
    this.#opened = undefined;
  }

  /** Lets go of what nobody will read. */
  cancel(): void {
    const opened = this.#opened ?? [];
    this.#opened = undefined;
    // It may have failed, or be read by an application that got hold of it.
    for (const { body } of opened) body?.cancel().catch(() => undefined);
  }
}
