/** Schema 6: notifications may be for a buyer. Adds a column; what is there already was for sellers. */
export const acceptorEvents = `
ALTER TABLE notifications ADD COLUMN buyer_account_id TEXT;
CREATE INDEX notifications_buyer ON notifications (buyer_account_id) WHERE buyer_account_id IS NOT NULL;
`;
