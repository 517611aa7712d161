-- Take away the bytes of messages that were put into quarantine before an instant.
-- Everything else about them stays.
ALTER TABLE quarantine
UPDATE
    key = '',
    payload = '',
    emptied_at = {at:DateTime64(3, 'UTC')}
WHERE emptied_at = 0
    AND stored_at < {before:DateTime64(3, 'UTC')}
SETTINGS mutations_sync = 1
