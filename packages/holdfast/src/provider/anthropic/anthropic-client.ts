/** @module The public shape of a client that can be wrapped. Names no type of the DOM, of Node or of an SDK. */

/** Public shape: anything that is an Anthropic client, those of the cloud platforms included. */
export interface AnthropicClient {
  readonly baseURL: string;
  readonly maxRetries: number;
  withOptions(options: object): AnthropicClient;
  readonly messages: object;
}
