export const NODE_FLAGS: readonly string[];
export const NODE_MAJOR_MIN: number;
export function nodeEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
