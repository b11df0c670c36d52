-- The decision in PostgreSQL: a card has a lifetime limit, an id is decided once, and what it said is said again.
CREATE TABLE cards (id integer PRIMARY KEY, limit_minor bigint NOT NULL, held bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE authorizations (id bigint PRIMARY KEY, card integer NOT NULL, amount bigint NOT NULL, approved boolean NOT NULL,
                             decided_at timestamptz NOT NULL DEFAULT now());

CREATE FUNCTION decide(asked bigint, card_id integer, asked_amount bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  told boolean;
BEGIN
  -- The card's row is the lock: two of one id wait for each other here.
  PERFORM 1 FROM cards WHERE id = card_id FOR UPDATE;
  SELECT approved INTO told FROM authorizations WHERE id = asked;
  IF FOUND THEN
    RETURN told;
  END IF;
  UPDATE cards SET held = held + asked_amount WHERE id = card_id AND held + asked_amount <= limit_minor;
  told := FOUND;
  INSERT INTO authorizations (id, card, amount, approved) VALUES (asked, card_id, asked_amount, told);
  RETURN told;
END $$;
