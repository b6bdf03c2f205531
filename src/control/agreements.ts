import type { AddResource } from "./app.ts";
export const addAgreements: AddResource = () => {};
