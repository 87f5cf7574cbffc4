UNWIND neighbours AS neighbour
RETURN neighbour[3].customer_id AS customer_id, neighbour[0] AS similarity
