#!/usr/bin/env node
// npm's solc behind the face of the native one, for tools that only know how to run `solc`: py-solc-x and forge.
//
// It answers `--version` as solc does, and `--standard-json [FILE]` with nothing but JSON on standard output, all of it.
// npm's own command adds a remark to the JSON and may end before a pipe has taken it. All else that solc can do is refused.
//
// npm's solc is found in REVSHARE_SOLC_JS (the folder of the package), else by node's own rules from the working directory,
// from this file, and in NODE_PATH.
"use strict";

const fs = require("fs");
const path = require("path");

const WITH_VALUE = new Set(["--allow-paths", "--base-path", "--include-path"]);

// Nothing here calls process.exit: it would cut off what a pipe has not taken yet. Setting the code and returning lets node
// end by itself once every byte is written.
function finish(stream, text, code) {
  process.exitCode = code;
  stream.write(text);
}

function refuse(message) {
  finish(process.stderr, message + "\n", 1);
}

function parse(words) {
  const options = { mode: null, file: null, basePath: null, includePaths: [], allowPaths: [] };
  for (let i = 0; i < words.length; i++) {
    let [word, value] = words[i].startsWith("--") ? words[i].split(/=(.*)/s) : [words[i], undefined];
    if (WITH_VALUE.has(word)) {
      if (value === undefined) value = words[++i];
      if (value === undefined) throw new Error(`the required argument for option '${word}' is missing`);
      if (word === "--base-path") options.basePath = value;
      if (word === "--include-path") options.includePaths.push(value);
      if (word === "--allow-paths") options.allowPaths.push(...value.split(",").filter(Boolean));
    } else if (word === "--version" || word === "--standard-json") {
      options.mode = options.mode ?? word;
    } else if (word.startsWith("-") && word !== "-") {
      throw new Error(`unrecognised option '${word}'`);
    } else if (word !== "-") {
      options.file = word;
    }
  }
  return options;
}

function loadCompiler() {
  const named = process.env.REVSHARE_SOLC_JS;
  const found = named ? path.resolve(named) : require.resolve("solc", { paths: [process.cwd(), __dirname] });
  const solc = require(found);
  // Emscripten installs handlers that print a megabyte of minified source before the message that matters.
  process.removeAllListeners("uncaughtException");
  process.removeAllListeners("unhandledRejection");
  return solc;
}

// Only imports whose text is not in the input come here. As with solc they are read from the base path and the include
// paths, and from nowhere outside those and the allowed paths.
function importFrom(options) {
  const bases = [options.basePath ?? ".", ...options.includePaths];
  const roots = [...bases, ...options.allowPaths].map((root) => path.resolve(root));
  return (unit) => {
    for (const base of bases) {
      const file = path.resolve(base, unit);
      const allowed = roots.some((root) => file === root || file.startsWith(root.endsWith(path.sep) ? root : root + path.sep));
      if (allowed && fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
    }
    return { error: "File not found inside the base path or any of the include paths." };
  };
}

async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function main() {
  const options = parse(process.argv.slice(2));
  if (options.mode === "--version") {
    const version = loadCompiler().version();
    return finish(process.stdout, `solc, the solidity compiler commandline interface\nVersion: ${version}\n`, 0);
  }
  if (options.mode === "--standard-json") {
    const input = options.file === null ? await readAll(process.stdin) : fs.readFileSync(options.file, "utf8");
    return finish(process.stdout, loadCompiler().compile(input, { import: importFrom(options) }) + "\n", 0);
  }
  throw new Error("this wrapper of npm's solc knows --version and --standard-json only");
}

main().catch((error) => refuse(error && error.message ? error.message : String(error)));
