/**
 * What can be wrong with an operand: emitted code names it by its index here, and `%raise-error` of the runtime makes
 * the condition.
 */
export const ERRORS: readonly (readonly [primitive: string, expected: string])[] = [
  ["apply", "procedure"],
  ["apply", "list"],
  ["apply", "fewer arguments"],
  ["", "a continuation that can be returned to"],
  ["", "defined variable"],
  ["car", "pair"],
  ["cdr", "pair"],
  ["set-car!", "pair"],
  ["set-cdr!", "pair"],
  ["vector-ref", "vector"],
  ["vector-ref", "index"],
  ["vector-set!", "vector"],
  ["vector-set!", "index"],
  ["vector-length", "vector"],
  ["string-ref", "string"],
  ["string-ref", "index"],
  ["string-set!", "string"],
  ["string-set!", "index"],
  ["string-length", "string"],
  ["bytevector-u8-ref", "bytevector"],
  ["bytevector-u8-ref", "index"],
  ["bytevector-u8-set!", "bytevector"],
  ["bytevector-u8-set!", "index"],
  ["bytevector-length", "bytevector"],
  ["char->integer", "char"],
  ["integer->char", "code of a character"],
  ["string-set!", "char"],
  ["bytevector-u8-set!", "byte"],
  ["char=?", "char"],
  ["char<?", "char"],
  ["char>?", "char"],
  ["char<=?", "char"],
  ["char>=?", "char"],
  ["letrec", "initialised variable"],
];

const codes = new Map(ERRORS.map(([primitive, expected], index) => [`${primitive}/${expected}`, index]));

export function errorCode(primitive: string, expected: string): number {
  const code = codes.get(`${primitive}/${expected}`);
  if (code === undefined) throw new Error(`no error ${primitive}/${expected}`);
  return code;
}

export function errorOf(code: number): { primitive: string; expected: string } {
  const [primitive, expected] = ERRORS[code] ?? ["", "something else"];
  return { primitive, expected };
}
