/** Goal: a profile tells procedures by name, and each format has all of the time. Method: a profile made by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { flameGraph, foldedStacks, profileTable, speedscopeFile } from "./flame-graph.ts";
import { stacksOf } from "./profile.ts";

const frame = (functionName: string, url: string) => ({
  functionName,
  url,
  scriptId: "0",
  lineNumber: 0,
  columnNumber: 0,
});
const WASM = "wasm://wasm/00012762";
const NODES = [
  { id: 1, callFrame: frame("(root)", ""), children: [2, 9, 10] },
  { id: 2, callFrame: frame("run", "file:///host.ts"), children: [12, 8] },
  { id: 12, callFrame: frame("js-to-wasm:i:i", WASM), children: [13] },
  { id: 13, callFrame: frame("run", WASM), children: [3] },
  { id: 3, callFrame: frame("main", WASM), children: [4, 6] },
  { id: 4, callFrame: frame("fib", WASM), children: [5] },
  { id: 5, callFrame: frame("fib/after", WASM) },
  { id: 6, callFrame: frame("list<?", WASM), children: [7, 11] },
  { id: 7, callFrame: frame("write", "file:///host.ts") },
  { id: 8, callFrame: frame("expand", "file:///expander.ts") },
  { id: 9, callFrame: frame("(idle)", "") },
  { id: 10, callFrame: frame("(garbage collector)", "") },
  { id: 11, callFrame: frame("(garbage collector)", "") },
];
// A sample stands for the time until the next one.
const SAMPLES = [8, 5, 5, 4, 7, 6, 9, 10, 11, 8];
const stacks = stacksOf({
  nodes: NODES,
  startTime: 0,
  endTime: 0,
  samples: SAMPLES,
  timeDeltas: [0, 1000, 2000, 2000, 3000, 4000, 1000, 9000, 2000, 500],
});

test("stacks begin at the program's first procedure, calls of itself are one, waiting is none", () => {
  assert.deepEqual(
    stacks.map(({ frames, ms }) => [frames.join(" "), ms]),
    [
      ["main fib", 7],
      ["main list<? [host]", 4],
      ["[garbage]", 2],
      ["[compile]", 1],
      ["main list<?", 1],
      ["main list<? [garbage]", 0.5],
    ],
  );
});

test("each format tells them", () => {
  assert.equal(
    foldedStacks(stacks),
    "main;fib 7\nmain;list<?;[host] 4\n[garbage] 2\n[compile] 1\nmain;list<? 1\nmain;list<?;[garbage] 1\n",
  );
  const file = JSON.parse(speedscopeFile(stacks, "a.scm")) as {
    shared: { frames: { name: string }[] };
    profiles: { samples: number[][]; weights: number[]; endValue: number }[];
  };
  const [profile] = file.profiles;
  assert.equal(profile!.endValue, 15.5);
  assert.deepEqual(
    profile!.samples[0]!.map((index) => file.shared.frames[index]!.name),
    ["main", "fib"],
  );
  assert.equal(profile!.samples.length, profile!.weights.length);
  assert.match(profileTable(stacks, 2), /^ {4}self {4}whole {2}procedure \(16 ms\)\n {2}45\.2 % {3}45\.2 % {2}fib\n/);
  assert.equal(profileTable(stacks, 2).split("\n").length, 4);
});

test("the graph is well-formed, a box as wide as its share, and names are told whole", () => {
  const graph = flameGraph(stacks, "a & b.scm");
  assert.match(graph, /<text [^>]*>a &#38; b\.scm<\/text>/);
  assert.match(graph, /<title>fib: 45\.2 %, 7 ms<\/title><rect x="[\d.]+" y="\d+" width="541\.9"/);
  assert.match(graph, /<title>list&#60;\?: 35\.5 %/);
  assert.equal(graph.match(/<g>/g)!.length, graph.match(/<\/g>/g)!.length);
  assert.ok(!/<(?!\/?(?:svg|rect|text|g|title)\b)/.test(graph));
  assert.match(flameGraph([], "nothing"), /^<svg/);
});
