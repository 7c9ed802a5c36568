export * from "./model-price.ts";
