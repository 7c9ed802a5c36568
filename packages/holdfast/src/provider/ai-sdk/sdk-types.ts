/**
 * @module What the middleware needs of the AI SDK, in types of our own.
 *
 * No SDK is imported, neither its code nor its types, and no type of the DOM or of Node is named. What is listed here is common to specification v3 (ai 6) and v4
 * (ai 7); a middleware of these types is assignable to the `middleware` parameter of both.
 */

export interface ModelLike {
  /** Such as "openai.responses" or "anthropic.messages". */
  readonly provider: string;
  readonly modelId: string;
}

/** What any of the SDK's model calls takes. */
export interface CallOptionsLike {
  /** An AbortSignal. */
  readonly abortSignal?: object | undefined;
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
}

export interface LanguageCallOptions extends CallOptionsLike {
  readonly prompt: readonly object[];
  readonly maxOutputTokens?: number | undefined;
  readonly tools?: readonly object[] | undefined;
  readonly toolChoice?: unknown;
  readonly responseFormat?: unknown;
}

export interface EmbeddingCallOptions extends CallOptionsLike {
  readonly values: readonly unknown[];
}

export interface ImageCallOptions extends CallOptionsLike {
  readonly prompt?: unknown;
  readonly n: number;
  readonly size?: unknown;
  readonly files?: unknown;
  readonly mask?: unknown;
}

export interface StreamResultLike {
  /** A ReadableStream of the SDK's parts. */
  readonly stream: object;
  readonly response?: { readonly headers?: Readonly<Record<string, string>> | undefined } | undefined;
}

/** The middleware of `wrapLanguageModel`, ai 6 and 7. */
export interface HoldfastLanguageMiddleware {
  /** ai 7 takes any, ai 6 wants this one. */
  readonly specificationVersion: "v3";
  transformParams<P extends LanguageCallOptions>(options: {
    readonly type: "generate" | "stream";
    readonly params: P;
    readonly model: ModelLike;
  }): Promise<P>;
  wrapGenerate<R extends object>(options: {
    readonly doGenerate: () => PromiseLike<R>;
    readonly params: LanguageCallOptions;
    readonly model: ModelLike;
  }): Promise<R>;
  wrapStream<R extends StreamResultLike>(options: {
    readonly doStream: () => PromiseLike<R>;
    readonly params: LanguageCallOptions;
    readonly model: ModelLike;
  }): Promise<R>;
}

/** The middleware of `wrapEmbeddingModel`, ai 6 and 7. */
export interface HoldfastEmbeddingMiddleware {
  readonly specificationVersion: "v3";
  transformParams<P extends EmbeddingCallOptions>(options: {
    readonly params: P;
    readonly model: ModelLike;
  }): Promise<P>;
  wrapEmbed<R extends object>(options: {
    readonly doEmbed: () => PromiseLike<R>;
    readonly params: EmbeddingCallOptions;
    readonly model: ModelLike;
  }): Promise<R>;
}

/** The middleware of `wrapImageModel`, ai 6 and 7. */
export interface HoldfastImageMiddleware {
  readonly specificationVersion: "v3";
  transformParams<P extends ImageCallOptions>(options: {
    readonly params: P;
    readonly model: ModelLike;
  }): Promise<P>;
  wrapGenerate<R extends object>(options: {
    readonly doGenerate: () => PromiseLike<R>;
    readonly params: ImageCallOptions;
    readonly model: ModelLike;
  }): Promise<R>;
}
