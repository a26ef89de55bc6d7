-- Codes that came or went, where a source tells of each by itself (OCPP 2.x NotifyEvent): JSON, or null.

ALTER TABLE readings ADD COLUMN raised TEXT;
ALTER TABLE readings ADD COLUMN cleared TEXT;
