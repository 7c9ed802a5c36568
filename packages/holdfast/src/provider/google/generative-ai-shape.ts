/**
 * @module What the wrapper needs of a GoogleGenerativeAI client, in types of our own.
 *
 * The package has no seam for a fetch, so its methods are the attempts: none of them retries. As in 0.24.1, its last
 * version.
 */
import { isObject } from "../request/request-shape.ts";

export interface GenerativeAI {
  readonly apiKey: string;
  getGenerativeModel(params: unknown, options?: unknown): GenerativeModel;
  getGenerativeModelFromCachedContent?(
    content: unknown,
    params?: unknown,
    options?: unknown,
  ): GenerativeModel;
}

export interface SingleRequestOptions {
  readonly signal?: AbortSignal;
  readonly timeout?: number;
}

export interface GenerativeModel {
  /** With its collection: "models/gemini-2.5-flash". */
  readonly model: string;
  readonly _requestOptions?: SingleRequestOptions;
  readonly generationConfig?: unknown;
  readonly safetySettings?: unknown;
  readonly tools?: unknown;
  readonly toolConfig?: unknown;
  readonly systemInstruction?: unknown;
  readonly cachedContent?: { readonly name?: string };
  generateContent(request: unknown, options?: SingleRequestOptions): Promise<{ response: unknown }>;
  generateContentStream(request: unknown, options?: SingleRequestOptions): Promise<StreamResult>;
  embedContent(request: unknown, options?: SingleRequestOptions): Promise<unknown>;
  batchEmbedContents(request: unknown, options?: SingleRequestOptions): Promise<unknown>;
  countTokens(request: unknown, options?: SingleRequestOptions): Promise<unknown>;
  startChat(params?: unknown): ChatSession;
}

export interface StreamResult {
  readonly stream: unknown;
  /** Settles when the whole stream has been read, which the SDK does by itself. */
  readonly response: Promise<unknown>;
}

export interface ChatSession {
  readonly model: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly _requestOptions?: SingleRequestOptions;
  _history: unknown[];
  _sendPromise: Promise<unknown>;
  sendMessage(request: unknown, options?: SingleRequestOptions): Promise<{ response: unknown }>;
  sendMessageStream(request: unknown, options?: SingleRequestOptions): Promise<StreamResult>;
}

export function isGenerativeAI(client: object): boolean {
  return typeof (client as Partial<GenerativeAI>).getGenerativeModel === "function";
}

const MODEL_METHODS: readonly string[] = [
  "generateContent",
  "generateContentStream",
  "embedContent",
  "batchEmbedContents",
  "countTokens",
  "startChat",
];
const CHAT_METHODS: readonly string[] = ["getHistory", "sendMessage", "sendMessageStream"];

/** What keeps the client from being wrapped, in words; empty when it fits. */
export function generativeAIMisfits(client: GenerativeAI): readonly string[] {
  if (typeof client.apiKey !== "string") return ["it has no apiKey"];
  // Neither of them asks anybody anything.
  const model = client.getGenerativeModel({ model: "probe" });
  const problems = [...methodMisfits(model, MODEL_METHODS, "model")];
  if (problems.length > 0) return problems;
  const chat = model.startChat();
  problems.push(...methodMisfits(chat, CHAT_METHODS, "chat session"));
  if (!Array.isArray(chat._history) || !(chat._sendPromise instanceof Promise)) {
    problems.push("its chat session keeps its history elsewhere");
  }
  return problems;
}

function methodMisfits(object: unknown, known: readonly string[], name: string): readonly string[] {
  if (!isObject(object)) return [`it has no ${name}`];
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(object)).filter(
    (key) => key !== "constructor",
  );
  return [
    ...known.filter((method) => !methods.includes(method)).map((method) => `its ${name} has no ${method}`),
    ...methods
      .filter((method) => !known.includes(method))
      .map((method) => `its ${name}'s ${method} is not known`),
  ];
}
