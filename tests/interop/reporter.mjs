// One JSON line per finished test case, for pytest: {"name", "passed", "skipped", "error"}, where
// "skipped" is false or the reason.

export default async function* report(events) {
  const names = [];
  for await (const { type, data } of events) {
    if (type === "test:start") {
      names.length = data.nesting;
      names[data.nesting] = data.name;
    } else if (type === "test:pass" || type === "test:fail") {
      const isSuite = data.details?.type === "suite";
      const error = data.details?.error;
      // A suite that fails only because of its cases says nothing new.
      if (isSuite && (type === "test:pass" || error?.failureType === "subtestsFailed")) continue;
      const cause = error?.cause ?? error;
      yield JSON.stringify({
        name: [...names.slice(0, data.nesting), data.name].join(" > "),
        passed: type === "test:pass",
        skipped: data.skip ?? false,
        error: type === "test:fail" ? String(cause?.stack ?? cause) : "",
      }) + "\n";
    }
  }
}
