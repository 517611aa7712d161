-- Take away the minutes before an instant.
ALTER TABLE quarantine_minutes
DELETE WHERE minute < toDateTime({before:DateTime64(3, 'UTC')}, 'UTC')
SETTINGS mutations_sync = 1
