/** @module The public shape of the clients that can be wrapped. Names no type of the DOM, of Node or of an SDK. */

/** Public shape: a `GoogleGenAI` of `@google/genai`. */
export interface GoogleGenAIClient {
  readonly vertexai: boolean;
  readonly models: object;
  readonly chats: object;
}

/** Public shape: a `GoogleGenerativeAI` of `@google/generative-ai`. */
export interface GoogleGenerativeAIClient {
  readonly apiKey: string;
  getGenerativeModel(modelParams: never, requestOptions?: never): object;
}

/** Public shape: a client of either of Google's SDKs, for the Gemini API or for Vertex AI. */
export type GoogleClient = GoogleGenAIClient | GoogleGenerativeAIClient;
