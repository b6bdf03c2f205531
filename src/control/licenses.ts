import type { AddResource } from "./app.ts";
export const addLicenses: AddResource = () => {};
