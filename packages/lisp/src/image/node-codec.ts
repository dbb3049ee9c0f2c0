/**
 * Small functions of the runtime, whose calls are replaced by their bodies, as JSON: nodes are arrays that begin with
 * their kind, variables are numbers in order of their binding, top-level variables are places in the image's table.
 */
import { Fun, Var } from "../middle/ir.ts";
import type { FunClause, Node, TopLevel } from "../middle/ir.ts";
import { prim } from "../middle/primitives.ts";
import { decodeDatum, encodeDatum } from "./datum-codec.ts";
import type { EncodedDatum } from "./datum-codec.ts";

type EncodedNode = readonly unknown[];
export interface EncodedClause {
  readonly parameters: readonly string[];
  readonly hasRest: boolean;
  readonly body: EncodedNode;
}

/** @returns null where the clause holds what has no such form: it is called then, not put in place */
export function encodeClause(clause: FunClause, indexOf: (g: TopLevel) => number): EncodedClause | null {
  if (clause.parameters.some((v) => v.isAssigned)) return null;
  const variables = new Map(clause.parameters.map((v, index) => [v, index]));
  const encodeFun = ({ name, clauses }: Fun): EncodedNode => [
    name,
    ...clauses.map(({ parameters, hasRest, body }) => {
      if (parameters.some((v) => v.isAssigned)) throw new NoForm();
      for (const v of parameters) variables.set(v, variables.size);
      return [parameters.map((v) => v.name), hasRest, encode(body)];
    }),
  ];
  const encode = (node: Node): EncodedNode => {
    switch (node.k) {
      case "const": {
        const datum = encodeDatum(node.datum);
        if (datum === null) throw new NoForm();
        return ["const", datum];
      }
      case "ref":
        return ["ref", variables.get(node.v)!];
      case "gref":
        return ["gref", indexOf(node.g)];
      case "if":
        return ["if", encode(node.test), encode(node.then), encode(node.else)];
      case "seq":
        return ["seq", ...node.items.map(encode)];
      case "let": {
        if (node.vars.some((v) => v.isAssigned)) throw new NoForm();
        const values = node.values.map(encode);
        for (const v of node.vars) variables.set(v, variables.size);
        return ["let", node.vars.map(({ name }) => name), values, encode(node.body)];
      }
      case "fix": {
        for (const v of node.vars) variables.set(v, variables.size);
        return ["fix", node.vars.map(({ name }) => name), node.funs.map(encodeFun), encode(node.body)];
      }
      case "lambda":
        return ["lambda", encodeFun(node.fun)];
      case "call":
        return ["call", encode(node.f), ...node.args.map(encode)];
      case "prim":
        return ["prim", node.op.name, ...node.args.map(encode)];
      default:
        throw new NoForm();
    }
  };
  try {
    const { parameters, hasRest, body } = clause;
    return { parameters: parameters.map(({ name }) => name), hasRest, body: encode(body) };
  } catch (error) {
    if (error instanceof NoForm) return null;
    throw error;
  }
}

class NoForm extends Error {}

export function decodeClause(encoded: EncodedClause, topLevelAt: (index: number) => TopLevel): FunClause {
  const variables = encoded.parameters.map((name) => new Var(name));
  const parameters = [...variables];
  const decodeAll = (nodes: readonly unknown[]): Node[] => nodes.map((node) => decode(node as EncodedNode));
  const bind = (names: readonly string[]): Var[] => {
    const vars = names.map((name) => new Var(name));
    variables.push(...vars);
    return vars;
  };
  const decodeFun = ([name, ...clauses]: EncodedNode): Fun =>
    new Fun(
      name as string,
      (clauses as (readonly [string[], boolean, EncodedNode])[]).map(([names, hasRest, body]) => ({
        parameters: bind(names),
        hasRest,
        body: decode(body),
      })),
      null,
    );
  const decode = ([kind, ...parts]: EncodedNode): Node => {
    switch (kind) {
      case "const":
        return { k: "const", datum: decodeDatum(parts[0] as EncodedDatum) };
      case "ref":
        return { k: "ref", v: variables[parts[0] as number]! };
      case "gref":
        return { k: "gref", g: topLevelAt(parts[0] as number) };
      case "if": {
        const [test, then, otherwise] = decodeAll(parts) as [Node, Node, Node];
        return { k: "if", test, then, else: otherwise };
      }
      case "seq":
        return { k: "seq", items: decodeAll(parts) };
      case "let": {
        const [names, encodedValues, body] = parts as [string[], EncodedNode[], EncodedNode];
        const values = decodeAll(encodedValues);
        const vars = bind(names);
        return { k: "let", vars, values, body: decode(body) };
      }
      case "fix": {
        const [names, funs, body] = parts as [string[], EncodedNode[], EncodedNode];
        const vars = bind(names);
        return { k: "fix", vars, funs: funs.map(decodeFun), body: decode(body) };
      }
      case "lambda":
        return { k: "lambda", fun: decodeFun(parts[0] as EncodedNode) };
      case "call": {
        const [f, ...args] = decodeAll(parts) as [Node, ...Node[]];
        return { k: "call", f, args, source: null };
      }
      case "prim": {
        const args = decodeAll(parts.slice(1));
        return { k: "prim", op: prim(parts[0] as string, args.length), args };
      }
      default:
        throw new Error(`an image has no node ${String(kind)}`);
    }
  };
  return { parameters, hasRest: encoded.hasRest, body: decode(encoded.body) };
}
