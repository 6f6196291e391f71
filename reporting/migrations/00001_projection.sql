-- +goose Up
CREATE TABLE messages (
  id                 CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  account            VARCHAR(64) NOT NULL,
  integration        VARCHAR(64) NOT NULL,
  door               VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lane               VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  country            CHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  source             VARCHAR(24) NOT NULL,
  destination        VARCHAR(24) NOT NULL,
  encoding           VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  segments           SMALLINT UNSIGNED NOT NULL COMMENT 'as counted at acceptance, 0 when that record was not seen',
  told_segments      SMALLINT UNSIGNED NOT NULL COMMENT 'as told by events and receipts',
  reference          VARCHAR(128) NOT NULL,
  carrier            VARCHAR(64) NOT NULL,
  carrier_rank       INT UNSIGNED NOT NULL COMMENT 'weight of the fact that named the carrier',
  carrier_message_id VARCHAR(80) NOT NULL COMMENT 'of the first segment',
  carrier_id_rank    INT UNSIGNED NOT NULL COMMENT 'weight of the fact that named it',
  attempts           SMALLINT UNSIGNED NOT NULL,
  possible_duplicate BOOLEAN NOT NULL,
  withdrawn          BOOLEAN NOT NULL COMMENT 'the customer was told that it was not accepted',
  state              VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status             VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the operators'' word, see docs/reporting.md',
  by_carrier         BOOLEAN NOT NULL COMMENT 'a receipt of the carrier ended it, not we',
  error              VARCHAR(64) NOT NULL,
  command_status     INT UNSIGNED NOT NULL,
  accepted_at        DATETIME(6) NULL,
  routed_at          DATETIME(6) NULL COMMENT 'first',
  rerouted_at        DATETIME(6) NULL COMMENT 'last',
  held_at            DATETIME(6) NULL COMMENT 'last',
  submitted_at       DATETIME(6) NULL,
  sent_at            DATETIME(6) NULL,
  final_at           DATETIME(6) NULL,
  done_at            DATETIME(6) NULL COMMENT 'end by the carrier''s clock',
  PRIMARY KEY (id),
  KEY by_account (account),
  KEY by_destination (destination)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE events (
  id             CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  digest         BIGINT UNSIGNED NOT NULL COMMENT 'of the fact: a repeat is not a second row',
  kind           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at             DATETIME(6) NOT NULL,
  node           VARCHAR(64) NOT NULL,
  account        VARCHAR(64) NOT NULL,
  carrier        VARCHAR(64) NOT NULL,
  link           VARCHAR(64) NOT NULL,
  attempt        SMALLINT UNSIGNED NOT NULL,
  segment        SMALLINT UNSIGNED NOT NULL COMMENT '0 = the whole message',
  state          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  command_status INT UNSIGNED NOT NULL,
  error          VARCHAR(64) NOT NULL,
  reason         VARCHAR(255) NOT NULL,
  PRIMARY KEY (id, digest)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE mos (
  id          CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  account     VARCHAR(64) NOT NULL,
  integration VARCHAR(64) NOT NULL,
  carrier     VARCHAR(64) NOT NULL,
  country     CHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  source      VARCHAR(24) NOT NULL,
  destination VARCHAR(24) NOT NULL,
  segments    SMALLINT UNSIGNED NOT NULL,
  received_at DATETIME(6) NULL,
  PRIMARY KEY (id),
  KEY by_account (account)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE volumes (
  hour        DATETIME NOT NULL COMMENT 'of acceptance, UTC',
  account     VARCHAR(64) NOT NULL,
  integration VARCHAR(64) NOT NULL,
  country     CHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  carrier     VARCHAR(64) NOT NULL,
  status      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  messages    BIGINT NOT NULL,
  segments    BIGINT NOT NULL,
  PRIMARY KEY (hour, account, integration, country, carrier, status)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE positions (
  cell    VARCHAR(64) NOT NULL,
  stream  VARCHAR(64) NOT NULL,
  created DATETIME(6) NOT NULL COMMENT 'of the stream: one made anew counts from 1 again',
  low     BIGINT UNSIGNED NOT NULL COMMENT 'lowest sequence of a fact that is not in the tables: restart here',
  high    BIGINT UNSIGNED NOT NULL COMMENT 'highest sequence with a fact that is in the tables',
  PRIMARY KEY (cell, stream, created)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE writers (
  cell    VARCHAR(64) NOT NULL,
  epoch   BIGINT UNSIGNED NOT NULL COMMENT 'grows when another process becomes the one that writes',
  commits BIGINT UNSIGNED NOT NULL COMMENT 'transactions of this epoch',
  PRIMARY KEY (cell)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- +goose Down
DROP TABLE writers;
DROP TABLE positions;
DROP TABLE volumes;
DROP TABLE mos;
DROP TABLE events;
DROP TABLE messages;
