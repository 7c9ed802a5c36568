import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with the plain line that any CI can read: `N passed, N failed[, N skipped]`. */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      let inModule = 0;
      for (const test of module.children.allTests()) {
        inModule += 1;
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state === "failed") failed += 1;
        else skipped += 1;
      }
      // A file that could not be loaded has no tests; it still counts as a failure.
      if (module.state() === "failed" && inModule === 0) failed += 1;
    }
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  }
}
