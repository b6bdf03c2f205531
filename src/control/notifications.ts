import type { AddResource } from "./app.ts";
export const addNotifications: AddResource = () => {};
