import type { AddResource } from "./app.ts";
export const addSettings: AddResource = () => {};
