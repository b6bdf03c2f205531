import type { AddResource } from "./app.ts";
export const addRegistrationTokens: AddResource = () => {};
