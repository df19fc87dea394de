"""The terminal's conversation with the cloud: topics, messages, codec, exported schema."""
