import { expect, it } from "vitest";
import { parseClaudeName } from "../src/claude-name.ts";

it.each([
  ["claude-opus-4-8", "opus", 408],
  ["claude-opus-4.8", "opus", 408],
  ["claude-opus-4-8-20260528", "opus", 408],
  ["claude-opus-4-8@20260528", "opus", 408],
  ["claude-opus-5", "opus", 500],
  ["claude-opus-5-20260724", "opus", 500],
  ["claude-opus-5@20260724", "opus", 500],
  ["claude-opus-4-20250514", "opus", 400],
  ["claude-sonnet-4@20250514", "sonnet", 400],
  ["claude-fable-5-2", "fable", 502],
  ["claude-mythos-preview", "mythos", 0],
  ["claude-4.6-opus", "opus", 406],
  ["claude-4-6-opus-20260205", "opus", 406],
  ["claude-3-5-haiku-20241022", "haiku", 305],
  ["claude-3-opus-latest", "opus", 300],
  ["us.anthropic.claude-haiku-4-5-20251001-v1:0", "haiku", 405],
  ["anthropic.claude-v2:1", "", 200],
  ["anthropic/claude-opus-4.1", "opus", 401],
  ["claude-2.1", "", 200],
  ["claude-instant-1.2", "", 200],
])("%s is %s %d", (model, family, version) => {
  expect(parseClaudeName(model)).toEqual({ family, version });
});

it.each([
  "gpt-5",
  "gemini-2.5-pro",
  "claude",
  "claude-",
  "my-claude-opus-5",
  "claudette-opus-5",
  "",
  "opus-5",
])("%j is not a Claude model", (model) => {
  expect(parseClaudeName(model)).toBeUndefined();
});
