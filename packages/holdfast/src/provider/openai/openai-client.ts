/** @module The public shape of a client that can be wrapped. Names no type of the DOM, of Node or of an SDK. */

/** Public shape: anything that is an OpenAI client, Azure included. */
export interface OpenAIClient {
  readonly baseURL: string;
  readonly maxRetries: number;
  withOptions(options: object): OpenAIClient;
  readonly chat: object;
  readonly embeddings: object;
}
