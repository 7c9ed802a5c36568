/** @module Every way to read the body of a response. */
import { drain } from "./watched-response.ts";

const decoder = new TextDecoder();

/** Every way to read a body to its end, as text. */
export const WAYS_TO_READ: readonly [name: string, read: (response: Response) => Promise<string>][] = [
  ["text", (response) => response.text()],
  ["json", async (response) => JSON.stringify(await response.json())],
  ["arrayBuffer", async (response) => decoder.decode(await response.arrayBuffer())],
  ["bytes", async (response) => decoder.decode(await response.bytes())],
  ["blob", async (response) => (await response.blob()).text()],
  ["getReader", (response) => drain(response.body!)],
  [
    "for await",
    async (response) => {
      let text = "";
      for await (const piece of response.body!) text += decoder.decode(piece);
      return text;
    },
  ],
  [
    "values()",
    async (response) => {
      let text = "";
      for await (const piece of response.body!.values({ preventCancel: true })) text += decoder.decode(piece);
      return text;
    },
  ],
  [
    "pipeTo",
    async (response) => {
      let text = "";
      await response.body!.pipeTo(
        new WritableStream({ write: (piece: Uint8Array) => void (text += decoder.decode(piece)) }),
      );
      return text;
    },
  ],
  [
    "pipeThrough",
    async (response) => {
      let text = "";
      for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) text += piece;
      return text;
    },
  ],
  [
    "tee, both",
    async (response) => {
      const [one, other] = response.body!.tee();
      const [text, again] = await Promise.all([drain(one), drain(other)]);
      return text === again ? text : `${text} is not ${again}`;
    },
  ],
  [
    "tee, one after the other",
    async (response) => {
      const [one, other] = response.body!.tee();
      const text = await drain(one);
      const again = await drain(other);
      return text === again ? text : `${text} is not ${again}`;
    },
  ],
  [
    "tee, one only",
    async (response) => {
      const [one, other] = response.body!.tee();
      const text = await drain(one);
      await other.cancel();
      return text;
    },
  ],
  [
    "clone, both",
    async (response) => {
      const copy = response.clone();
      const [text, again] = await Promise.all([response.text(), copy.text()]);
      return text === again ? text : `${text} is not ${again}`;
    },
  ],
  [
    "clone, the copy only",
    async (response) => {
      const text = await response.clone().text();
      await response.body!.cancel();
      return text;
    },
  ],
  ["clone of a clone", async (response) => response.clone().clone().text()],
  ["new Response around the body", async (response) => new Response(response.body).text()],
];
