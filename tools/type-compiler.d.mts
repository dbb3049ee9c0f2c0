export const COMPILER_ENVIRONMENT: Readonly<Record<string, string>>;
export function compilerArguments(project: string): string[];
