-- Which hub does a chore of a center, until when by the server's clock (milliseconds). `fence` grows when another takes it.
CREATE TABLE lease (
    kind   TEXT   NOT NULL,
    center TEXT   NOT NULL,
    holder TEXT   NOT NULL,
    fence  BIGINT NOT NULL,
    until  BIGINT NOT NULL,
    PRIMARY KEY (kind, center)
);
