// Runs checks one after another and reports each as a line for `cargo xtask peers`.
//
// A check gets a prefix for its keys that no other check uses.

const LIMIT_MS = 10_000;

const port = Number(process.argv[2]);
export const address = { host: "127.0.0.1", port };

const checks = [];

export function check(name, run) {
  checks.push([name, run]);
}

function emit(event, name = "", message = "") {
  const text = message.replaceAll("\t", " ").replaceAll("\n", "\\n");
  console.log(["@@peers", event, name, text].filter((field) => field !== "").join("\t"));
}

function limited(promise) {
  return new Promise((resolve, reject) => {
    const hung = () => reject(new Error(`still running after ${LIMIT_MS} ms`));
    const timer = setTimeout(hung, LIMIT_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Resolves with the first `count` values that are pushed, and rejects if none follows. */
export class Inbox {
  #values = [];
  #wake = () => {};

  push = (...value) => {
    this.#values.push(value);
    this.#wake();
  };

  async take(count) {
    while (this.#values.length < count) {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    return this.#values.splice(0, count);
  }
}

/** Runs all checks, then `close`, and ends the process. */
export async function run(close) {
  for (const [at, [name, body]] of checks.entries()) {
    emit("begin", name);
    try {
      await limited(body(`check:${at}:`));
      emit("passed", name);
    } catch (error) {
      emit("failed", name, String(error?.message ?? error).slice(0, 1000));
    }
  }
  await close();
  emit("end");
  process.exit(0);
}
