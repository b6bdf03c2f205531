import type { AddResource } from "./app.ts";
export const addAdminTokens: AddResource = () => {};
